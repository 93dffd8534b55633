/** UsersPage: everybody who can sign in; filters and page in the address, one of them beside. */
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { panelStateOf } from "../../../api/queries";
import { Icon } from "../../../components/Icon";
import { Panel } from "../../../components/Panel";
import { AdministrationPage } from "../AdministrationPage";
import { ChoiceFilter, FilterForm, TextFilter } from "../FilterForm";
import { PageFoot } from "../PageFoot";
import { readFilters, searchWith } from "../search";
import { AddUserDialog } from "./AddUserDialog";
import { USER_FILTERS, useUsers } from "./queries";
import { ROLES } from "./roles";
import { UserDrawer } from "./UserDrawer";
import { UserTable } from "./UserTable";

const STATES = [
  ["true", "Active"],
  ["false", "Disabled"],
] as const;

export function UsersPage() {
  const [parameters] = useSearchParams();
  const navigate = useNavigate();
  const [isAdding, setIsAdding] = useState(false);
  const filters = readFilters(parameters, USER_FILTERS);
  const asked = useUsers(filters, parameters.get("cursor"));
  const users = asked.data?.items ?? [];
  const openId = parameters.get("user");
  const hasFilters = Object.keys(filters).length > 0;
  return (
    <AdministrationPage
      title="Users"
      actions={
        <button type="button" className="button primary" onClick={() => setIsAdding(true)}>
          <Icon name="plus" /> Add user
        </button>
      }
    >
      <FilterForm
        values={filters}
        onApply={(values) =>
          navigate(searchWith(parameters, { ...values, cursor: undefined, user: undefined }))
        }
      >
        <TextFilter name="email" label="E-mail begins with" />
        <ChoiceFilter
          name="role"
          label="Role"
          anyWord="Any role"
          choices={ROLES}
          value={filters.role}
        />
        <ChoiceFilter
          name="is_active"
          label="State"
          anyWord="Any state"
          choices={STATES}
          value={filters.is_active}
        />
      </FilterForm>
      <Panel
        title="Who can sign in"
        state={panelStateOf(asked, (page) =>
          page.items.length > 0
            ? undefined
            : hasFilters
              ? { kind: "empty", icon: "search", title: "No user matches these filters" }
              : { kind: "empty", icon: "people", title: "No users yet" },
        )}
        isFlush
        skeletonLines={12}
        foot={<PageFoot count={users.length} nextQuery={asked.data?.nextQuery} />}
      >
        <UserTable
          users={users}
          hrefOf={(user) => searchWith(parameters, { user: user.user_id })}
        />
      </Panel>
      {openId && (
        <UserDrawer
          key={openId}
          id={openId}
          known={users.find((user) => user.user_id === openId)}
          onClose={() =>
            navigate(searchWith(parameters, { user: undefined }), { preventScrollReset: true })
          }
        />
      )}
      {isAdding && <AddUserDialog onClose={() => setIsAdding(false)} />}
    </AdministrationPage>
  );
}
