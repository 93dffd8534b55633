/** Detectors: what each one tells apart, in the order of forms. */
import type { Detector } from "../../api/types";

export const DETECTORS: readonly (readonly [Detector, string])[] = [
  ["amount", "amount: more than this account usually pays"],
  ["population", "population: more than nearly anybody pays"],
  ["velocity", "velocity: more payments, or more money in all, than this account is used to"],
  ["novelty", "novelty: a new merchant, place or hour"],
  ["repetition", "repetition: the same payment again and again"],
  ["merchant_velocity", "merchant velocity: more accounts than usually pay at the merchant"],
  ["takeover", "takeover: odd payments of the last weeks"],
  ["account", "account: confirmed frauds on this account"],
  ["merchant", "merchant: confirmed frauds at the merchant"],
];
