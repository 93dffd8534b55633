/** AuditPage: who did what, newest first; filters and page in the address. */
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { panelStateOf } from "../../../api/queries";
import type { AuditEntry } from "../../../api/types";
import { Panel } from "../../../components/Panel";
import { AdministrationPage } from "../AdministrationPage";
import { ChoiceFilter, FilterForm, TextFilter } from "../FilterForm";
import { PageFoot } from "../PageFoot";
import { readFilters, searchWith } from "../search";
import { AuditDrawer } from "./AuditDrawer";
import { AuditTable } from "./AuditTable";
import { ACTIONS } from "./actions";
import { AUDIT_FILTERS, useAuditTrail } from "./queries";

const OUTCOMES = [
  ["success", "Done"],
  ["failure", "Failed"],
] as const;
const AGES = [
  ["15m", "Last 15 minutes"],
  ["1h", "Last hour"],
  ["1d", "Last day"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
] as const;

export function AuditPage() {
  const [parameters] = useSearchParams();
  const navigate = useNavigate();
  const [open, setOpen] = useState<AuditEntry | undefined>();
  const filters = readFilters(parameters, AUDIT_FILTERS);
  const asked = useAuditTrail(filters, parameters.get("cursor"));
  const entries = asked.data?.items ?? [];
  const hasFilters = Object.keys(filters).length > 0;
  return (
    <AdministrationPage title="Audit trail">
      <FilterForm
        values={filters}
        onApply={(values) => navigate(searchWith(parameters, { ...values, cursor: undefined }))}
      >
        <TextFilter name="actor" label="By: e-mail, name or id" />
        <TextFilter name="subject" label="To: id" />
        <ChoiceFilter
          name="action"
          label="Action"
          anyWord="Any action"
          choices={ACTIONS}
          value={filters.action}
        />
        <ChoiceFilter
          name="outcome"
          label="Outcome"
          anyWord="Any outcome"
          choices={OUTCOMES}
          value={filters.outcome}
        />
        <ChoiceFilter
          name="since"
          label="Time"
          anyWord="Any time"
          choices={AGES}
          value={filters.since}
        />
      </FilterForm>
      <Panel
        title="What was done, newest first"
        state={panelStateOf(asked, (page) =>
          page.items.length > 0
            ? undefined
            : hasFilters
              ? { kind: "empty", icon: "search", title: "No entry matches these filters" }
              : { kind: "empty", icon: "trail", title: "Nothing was recorded yet" },
        )}
        isFlush
        skeletonLines={14}
        foot={
          <PageFoot
            count={entries.length}
            nextQuery={asked.data?.nextQuery}
            firstWord="Newest"
            nextWord="Older"
          />
        }
      >
        <AuditTable entries={entries} onOpen={setOpen} />
      </Panel>
      {open && <AuditDrawer entry={open} onClose={() => setOpen(undefined)} />}
    </AdministrationPage>
  );
}
