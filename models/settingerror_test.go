package models_test

import (
	"errors"
	"testing"

	"github.com/unroll-ml/unroll/models"
)

// A program tells by the error which of its settings is wrong.
func TestSettingError(t *testing.T) {
	c := models.LMConfig{Vocab: 10, Cell: models.CellConfig{Kind: "gru"}, Hidden: 0, Layers: 1}
	_, err := c.Weights()
	var wrong *models.SettingError
	if !errors.As(err, &wrong) || wrong.Setting != "Hidden" || wrong.Value != 0 || wrong.Want != "at least 1" {
		t.Errorf("%v", err)
	}
}
