# SPDX-License-Identifier: Apache-2.0
# "FIGURE|GROUP|AGAINST|HOW|GOAL" lines to rows of the table; what was not measured has none.

def title: {
  start: "start of /bin/true, preloaded",
  exec: "start of another program",
  "system-calls": "the same",
  instructions: "exec of another program",
  "podman-run": "podman run --rm … true",
  end: "one container",
  many: "containers",
  cancel: "work cancel",
  memory: "memory",
  wakeups: "idle guard",
  records: "CPU, records",
  size: "stripped"
}[.];
def digits($n): (. * pow(10; $n) | round) / pow(10; $n);
def short: if fabs >= 100 then digits(0) elif fabs >= 10 then digits(1) elif fabs >= 1.2 then digits(2) else digits(4) end;
def amount($unit):
  if $unit != "us" then "\(short) \($unit)"
  elif fabs >= 1000000 then "\(. / 1000000 | short) s"
  elif fabs >= 1000 then "\(. / 1000 | short) ms"
  else "\(short) µs" end;

split("|") as [$figure, $group, $peer, $how, $goal]
| (if $goal == "" then null else $goal | tonumber end) as $goal
| $all[0].figure[$figure][]? | select(.name == $group)
| .unit as $unit
| (.series[] | select(.name == "podleash").median) as $ours
| (if $how == "value" then null else .series[] | select(.name == $peer) end) as $other
| if $how == "cost" then $other.ratio | {text: "\(.median | short)x", from: .low, to: .high, goal: "at most \($goal)x", met: (.median <= $goal)}
  elif $how == "sooner" then $other.ratio | {text: "\(1 / .median | short)x sooner", from: (1 / .high), to: (1 / .low), goal: "at least \($goal)x", met: (1 / .median >= $goal)}
  elif $how == "more" then $other.difference | {text: "\(.median | amount($unit)) more", from: .low, to: .high, goal: "at most \($goal // 0 | amount($unit))", met: (.median <= $goal)}
  else {text: "", goal: "at most \($goal // 0 | amount($unit))", met: ($ours <= $goal)} end
| "| \($figure | title) | \($group) | \($ours | amount($unit)) | \($peer) | \(if $other then $other.median | amount($unit) else "" end) | \(.text) | \(
    if .from == null then "" elif $how == "more" then "\(.from | amount($unit)) – \(.to | amount($unit))" else "\(.from | short) – \(.to | short)" end
  ) | \(if $goal == null then " | " else "\(.goal) | \(if .met then "met" else "missed" end)" end) |"
