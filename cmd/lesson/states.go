package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"lesson/lesson/lessons"
	"lesson/lesson/render/ladder"
)

func (a *app) statesCommand() *cobra.Command {
	o := &outputFlags{}
	cmd := &cobra.Command{
		Use:   "states",
		Short: a.in(say("the states, every rule, and why", "所有状态、每条规则及其理由")),
		Long: a.in(say(
			"states prints the state machine as this program knows it: every state, and every rule with its RFC section and a sentence that says why. This table decides which states the drawings show.",
			"states 输出本程序所用的状态机：每个状态，以及每条规则、它所依据的 RFC 章节和一句理由。图中显示的每个状态都由这张表决定。")),
		Example: "  lesson states\n  lesson states --lang zh | less",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			return ladder.States(a.stdout, a.drawing(a.stdout, o), lessons.Walks())
		},
	}
	cmd.Flags().BoolVar(&o.plain, "plain", false, a.in(plainly))
	return cmd
}

// list shows what can be taught.
func (a *app) list() error {
	var entries []ladder.Entry
	for _, l := range lessons.All() {
		entries = append(entries, ladder.Entry{Name: l.Name, Title: l.Title, Teaches: l.Teaches, Refs: l.Refs})
	}
	if err := ladder.Catalogue(a.stdout, a.drawing(a.stdout, &outputFlags{}), entries); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "\n %s\n %s\n %s\n",
		a.in(sayf("lesson %s        plays one", "lesson %s        开始一课", entries[0].Name)),
		a.in(say("lesson explain FILE     reads a capture", "lesson explain 文件     讲解抓包文件")),
		a.in(say("lesson --help           tells the rest", "lesson --help           查看其余用法")))
	return err
}
