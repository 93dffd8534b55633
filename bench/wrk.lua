-- One submission a request, each with a key of its own; a fortieth of a second's accounts.
local token = os.getenv("BENCH_TOKEN")
local run = os.getenv("BENCH_RUN")
local count = 0
local id = 0

function setup(thread)
  thread:set("number", id)
  id = id + 1
end

function request()
  count = count + 1
  local body = string.format(
    '{"amount":"%d.%02d","currency":"EUR","merchant":"merchant %d","account_id":"account-%d"}',
    count % 200 + 1, count % 100, count % 500, count % 10000)
  return wrk.format("POST", "/transactions/", {
    ["Authorization"] = "Bearer " .. token,
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = run .. "-" .. number .. "-" .. count,
  }, body)
end

function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %.0f %.0f\n", summary.requests, summary.duration,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.timeout, latency:percentile(50), latency:percentile(99)))
end
