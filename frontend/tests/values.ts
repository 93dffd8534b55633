/** Values as the gateway sends them, for the tests. */
import type { Alert, Forecast, Reason, Transaction } from "../src/api/types";

/** Ids in time order: a greater number is newer. */
export function idOf(number: number): string {
  return `0199c1f2-7c1d-7000-8000-${number.toString(16).padStart(12, "0")}`;
}

export const reason: Reason = {
  detector: "amount",
  text: "1200 EUR is 40 times what this account usually pays.",
  observed: 1200,
  expected: 30,
  spread: 12,
  observations: 35,
  z_score: 5.4,
  contribution: 4.1,
  window_s: null,
};

export function transaction(number: number, changes: Partial<Transaction> = {}): Transaction {
  return {
    id: idOf(number),
    user_id: "user-1",
    account_id: "acc-1",
    amount: "12.34",
    currency: "EUR",
    merchant: "Corner Bakery",
    location: null,
    kind: "purchase",
    description: null,
    metadata: null,
    occurred_at: "2026-11-24T12:00:00Z",
    created_at: "2026-11-24T12:00:00Z",
    status: "processed",
    is_flagged: false,
    score: 0.1,
    decision: "approve",
    reasons: [],
    ...changes,
  };
}

export function alert(number: number, changes: Partial<Alert> = {}): Alert {
  return {
    id: idOf(number),
    transaction_id: idOf(number),
    account_id: "acc-1",
    merchant: "Lux Watches",
    amount: "1200.00",
    currency: "EUR",
    score: 0.97,
    decision: "decline",
    reasons: [reason],
    occurred_at: "2026-11-24T12:00:00Z",
    created_at: "2026-11-24T12:00:00Z",
    status: "open",
    resolution: null,
    resolved_by: null,
    resolved_at: null,
    note: null,
    version: 1,
    state: "open",
    taken_by: null,
    taken_until: null,
    assignee: null,
    expected_loss: 97,
    transaction_count: 1,
    total_amount: "1200.00",
    last_occurred_at: "2026-11-24T12:00:00Z",
    ...changes,
  };
}

const START_MS = Date.parse("2026-11-24T12:00:00Z");

export function minute(number: number): string {
  return new Date(START_MS + number * 60_000).toISOString();
}

export function forecast(changes: Partial<Forecast> = {}): Forecast {
  const anomaly = { is_anomaly: false, z_score: 0.4, reason: null };
  return {
    status: "ok",
    data_points_analyzed: 60,
    data_points_needed: 30,
    forecast_next_10_minutes: Array.from({ length: 10 }, () => 50),
    velocity_anomaly: anomaly,
    amount_anomaly: anomaly,
    fraud_risk_detected: false,
    analyzed_at: minute(60),
    history: Array.from({ length: 60 }, (_, index) => ({ at: minute(index), value: 40 + index })),
    forecast: Array.from({ length: 30 }, (_, index) => ({
      at: minute(60 + index),
      mean: 100,
      lower: 80 - index,
      upper: 120 + index,
    })),
    model: {
      name: "ARIMA",
      order: [1, 1, 1],
      aic: 500,
      trained_at: minute(60),
      bucket_seconds: 60,
    },
    accuracy: null,
    ...changes,
  };
}
