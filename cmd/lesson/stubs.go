package main

import "github.com/spf13/cobra"

func (a *app) lessonCommands() []*cobra.Command { return nil }
func (a *app) list() error                      { return nil }
func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{Use: "explain FILE|-", RunE: func(*cobra.Command, []string) error { return nil }}
}
func (a *app) statesCommand() *cobra.Command {
	return &cobra.Command{Use: "states", RunE: func(*cobra.Command, []string) error { return nil }}
}
