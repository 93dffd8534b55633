/** PageFoot: how much is shown, and the ways to the other pages of a list. */
import { Link, useSearchParams } from "react-router";
import { Icon } from "../../components/Icon";
import { searchWith } from "./search";

interface PageFootProps {
  count: number;
  /** Of the next page, as the gateway gave it. */
  nextQuery: string | undefined;
  /** Words for the first page and for the next one. */
  firstWord?: string;
  nextWord?: string;
}

export function PageFoot(props: PageFootProps) {
  const { count, nextQuery, firstWord = "First", nextWord = "Next" } = props;
  const [parameters] = useSearchParams();
  return (
    <>
      <span className="small muted">{count} shown</span>
      <nav className="end" aria-label="Pages">
        {parameters.get("cursor") && (
          <Link className="button" to={searchWith(parameters, { cursor: undefined })}>
            <Icon name="first" /> {firstWord}
          </Link>
        )}
        {nextQuery && (
          <Link className="button" to={`?${nextQuery}`}>
            {nextWord} <Icon name="next" />
          </Link>
        )}
      </nav>
    </>
  );
}
