# SPDX-License-Identifier: Apache-2.0
# The two plots of docs/benchmarks.md, from the files that tests/bench/report puts into `work`.
set terminal svg size 720,400 font 'sans-serif,13' background 'white'
set grid
set key outside bottom center horizontal

set output 'docs/bench-latency.svg'
set title 'N containers ended at once: until the last is dead'
set xlabel 'N'
set ylabel 'milliseconds, median'
set logscale xy
set xtics (1, 10, 30, 100)
set xrange [0.8:125]
plot work.'/podman-kill' with linespoints lw 2 pt 7 ps 0.6 lc rgb '#c08030' title 'podman kill', \
     work.'/podman-rm' with linespoints lw 2 pt 7 ps 0.6 lc rgb '#b04030' title 'podman rm --force --time 0', \
     work.'/podleash' with linespoints lw 2 pt 7 ps 0.6 lc rgb '#207040' title 'podleash, their holders killed'

reset
set output 'docs/bench-start.svg'
set title 'start of /bin/true with a library preloaded'
set ylabel 'times that with an empty library'
set style fill solid 0.7
set boxwidth 0.6
set yrange [0.8:*]
set grid y
unset key
plot work.'/start' using 0:2:xtic(1) with boxes lc rgb '#207040', \
     '' using 0:2:(sprintf('%.3f', $2)) with labels offset 0,0.7
