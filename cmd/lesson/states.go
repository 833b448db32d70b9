package main

import (
	"github.com/spf13/cobra"
)

func (a *app) statesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "states",
		Short: a.in(say("the states, every rule, and why", "列出状态和每条规则，并说明为什么")),
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return nil },
	}
}

func (a *app) list() error { return nil }
