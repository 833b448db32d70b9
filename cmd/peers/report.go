package main

import "fmt"

// report measures and prints, as docs/performance.md has it.
func (b *bench) report(one, four, flood string) error {
	const sum, libpcap, large, tcptrace, text, tcpdump, tshark, syns = 0, 1, 2, 3, 4, 5, 6, 7
	summary := func(name, file string) command {
		return command{name: name, args: []string{b.lesson, "explain", "--summary", file}}
	}
	commands := []command{
		summary("lesson explain --summary", one),
		{name: "C loop over libpcap", args: []string{b.loop, one}},
		summary("lesson explain --summary, 4 times as many packets", four),
		{name: "tcptrace -n", args: []string{"tcptrace", "-n", one}},
		{name: "lesson explain --format=text", args: []string{b.lesson, "explain", "--format=text", one}},
		{name: "TZ=UTC0 tcpdump -nn -r", args: []string{"tcpdump", "-nn", "-r", one}, env: []string{"TZ=UTC0"}},
		{name: "tshark -n -q -z conv,tcp", args: []string{"tshark", "-n", "-q", "-z", "conv,tcp", "-r", one}},
		summary("lesson explain --summary, SYN flood", flood),
	}
	runs, err := b.alternate(commands, text)
	if err != nil {
		return err
	}
	fmt.Println("| program | seconds | peak memory, MB |")
	fmt.Println("|---|---|---|")
	for i, c := range commands {
		fmt.Printf("| `%s` | %.3f | %.0f |\n", c.name, seconds(runs[i]), peak(runs[i]))
	}
	fmt.Println()
	fmt.Println("| what | is | target |")
	fmt.Println("|---|---|---|")
	line := func(what string, is float64, unit, target string) {
		fmt.Printf("| %s | %.3g%s | %s |\n", what, is, unit, target)
	}
	line("summary, times as fast as tcptrace", ratio(runs[tcptrace], runs[sum]), "", "≥ 10")
	line("summary, times as fast as tshark", ratio(runs[tshark], runs[sum]), "", "≥ 60")
	line("summary, times the time of the C loop", ratio(runs[sum], runs[libpcap]), "", "≤ 2.5")
	line("text, times as fast as tcpdump", ratio(runs[tcpdump], runs[text]), "", "≥ 5")
	line("summary, 4 times the packets, times the time", ratio(runs[large], runs[sum]), "", "≤ 4.4")
	line("peak memory", peak(runs[sum]), " MB", "≤ 64 MB")
	line("peak memory, 4 times the packets", peak(runs[large]), " MB", "≤ 64 MB")
	line("peak memory, SYN flood", peak(runs[syns]), " MB", "≤ 300 MB")
	return nil
}
