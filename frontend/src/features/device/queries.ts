/** Device hooks: what a device with a code asks for, and the decision about it. */
import { useQuery } from "@tanstack/react-query";
import { bodyOf, client } from "../../api/client";
import type { DeviceRequest } from "../../api/types";

/** What the device that shows `code` asks for; nothing is asked without a code. */
export function useDeviceRequest(code: string) {
  return useQuery<DeviceRequest>({
    queryKey: ["device", code],
    queryFn: async ({ signal }) =>
      bodyOf(
        await client.GET("/auth/devices/{user_code}", {
          params: { path: { user_code: code } },
          signal,
        }),
      ),
    enabled: code !== "",
    // A wrong code counts as a guess: nothing asks again by itself.
    retry: false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    gcTime: 0,
  });
}

/** Lets the device act for the person who is signed in, or not. */
export async function decide(code: string, approve: boolean): Promise<void> {
  bodyOf(
    await client.POST("/auth/devices/{user_code}", {
      params: { path: { user_code: code } },
      body: { approve },
    }),
  );
}
