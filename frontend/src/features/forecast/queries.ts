/** Forecast hook: the load so far and to come; the forecaster renews it every minute. */
import { useQuery } from "@tanstack/react-query";
import { bodyOf, client } from "../../api/client";
import type { Forecast } from "../../api/types";

export function useForecast() {
  return useQuery<Forecast>({
    queryKey: ["forecast"],
    queryFn: async ({ signal }) => bodyOf(await client.GET("/analytics/forecast", { signal })),
    refetchInterval: 15_000,
  });
}
