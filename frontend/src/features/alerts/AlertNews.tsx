/** AlertNews: says that alerts came, on whatever page; many at once are one sentence. */
import { useEffect, useRef } from "react";
import { Link, useLocation } from "react-router";
import { useToast } from "../../components/Toaster";
import { useLive } from "../live/LiveProvider";

const PAUSE_MS = 6_000;

export function AlertNews() {
  const { alertCount, lastAlert } = useLive();
  const toast = useToast();
  const isOnPage = useLocation().pathname === "/alerts";
  const told = useRef(0);
  const latest = useRef({ alertCount, lastAlert, isOnPage });
  latest.current = { alertCount, lastAlert, isOnPage };
  useEffect(() => {
    const tell = () => {
      const { alertCount: count, lastAlert: alert, isOnPage: isShown } = latest.current;
      const arrived = count - told.current;
      told.current = count;
      if (arrived > 0 && alert && !isShown) {
        const words = arrived === 1 ? `Alert: ${alert.merchant}` : `${arrived} new alerts`;
        toast("alerts", <Link to={`/alerts?alert=${alert.id}`}>{words}</Link>);
      }
    };
    const timer = setInterval(tell, PAUSE_MS);
    return () => clearInterval(timer);
  }, [toast]);
  return null;
}
