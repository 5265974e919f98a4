package main

import (
	"fmt"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/configfile"
	"github.com/unroll-ml/unroll/internal/report"
)

// recipesCmd shows the trainings that the program knows by name.
type recipesCmd struct {
	Name string `arg:"" optional:"" name:"NAME" help:"Show this recipe, which is a configuration for unroll train --config."`
}

func (c *recipesCmd) Run(a *app) error {
	if c.Name == "" {
		_, err := fmt.Fprintf(a.prose(), "%s%s train --recipe NAME trains; %s recipes NAME shows the recipe\n",
			report.Recipes(), calledAs, calledAs)
		return errors.WithStack(err)
	}
	r, err := configfile.FindRecipe(c.Name)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(r.Text)
	return errors.WithStack(err)
}
