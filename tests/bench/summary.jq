# SPDX-License-Identifier: Apache-2.0
# "GROUP SERIES VALUE" lines, tab-separated, to what a figure publishes. The n-th values of all series
# of a group are of one round: `against` has the ratios and differences of these pairs, podleash's to
# the other's, as median and quartiles.

def quantile($p): sort | .[((length - 1) * $p) | round];
def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
def spread: {median: median, low: quantile(0.25), high: quantile(0.75)};
def uniq_in_order: reduce .[] as $x ([]; if index([$x]) then . else . + [$x] end);

[inputs | split("\t") | {group: .[0], series: .[1], value: (.[2] | tonumber)}] as $samples
| {
    figure: $figure,
    groups: [
      $samples | map(.group) | uniq_in_order[] as $group
      | [$samples[] | select(.group == $group)] as $own
      | [$own[] | select(.series == "podleash") | .value] as $ours
      | {
          name: $group,
          unit: $unit,
          series: [
            $own | map(.series) | uniq_in_order[] as $series
            | [$own[] | select(.series == $series) | .value] as $values
            | {name: $series, median: ($values | median), rounds: ($values | length)}
              + if $series == "podleash" or ($ours | length) != ($values | length) then {} else {
                  ratio: ([$ours, $values] | transpose | map(if .[1] == 0 then 0 else .[0] / .[1] end) | spread),
                  difference: ([$ours, $values] | transpose | map(.[0] - .[1]) | spread)
                } end
              + {values: $values}
          ]
        }
    ]
  }
