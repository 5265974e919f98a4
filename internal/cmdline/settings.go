package cmdline

import (
	"regexp"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
)

// flagNames are the flags whose settings have another name, in config.yaml or in a package.
var flagNames = map[string]string{
	"valid_pairs": "valid-translate", "Columns": "column",

	"Width": "beam", "Best": "n-best", "Length": "length-penalty", "Coverage": "coverage-penalty",
	"MaxLength": "max-length", "NoRepeat": "no-repeat-ngram",
	"Temperature": "temperature", "TopK": "top-k", "TopP": "top-p",
	"Batch": "batch", "Wait": "wait", "Queue": "queue", "Timeout": "timeout", "Drain": "drain",
}

var goName = regexp.MustCompile(`\b[A-Z][A-Za-z]+\b`)

// settingWords is what is wrong with a setting of a package, in the terms of the command line.
func settingWords(e *setting.Error) string {
	return goName.ReplaceAllStringFunc(e.Error(), func(name string) string {
		if flag, ok := flagNames[name]; ok {
			return "--" + flag
		}
		return name
	})
}

var settingName = regexp.MustCompile("`[a-z][a-z0-9_]*`")

// InFlags is an error in the terms of the command line: a setting, in backquotes, becomes its flag.
func InFlags(err error) string {
	var wrong *setting.Error
	if errors.As(err, &wrong) {
		return settingWords(wrong)
	}
	return Flags(err.Error())
}

// Flags is a text in which settings, in backquotes, have become their flags.
func Flags(text string) string {
	return settingName.ReplaceAllStringFunc(text, func(quoted string) string {
		name := strings.Trim(quoted, "`")
		if flag, ok := flagNames[name]; ok {
			return "--" + flag
		}
		return "--" + strings.ReplaceAll(name, "_", "-")
	})
}
