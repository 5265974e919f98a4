package ref_test

import (
	"testing"

	"github.com/unroll-ml/unroll/graph/devicetest"
	"github.com/unroll-ml/unroll/graph/ref"
)

func TestContract(t *testing.T)         { devicetest.Run(t, ref.New()) }
func TestContractPoisoned(t *testing.T) { devicetest.Run(t, ref.New(ref.Poison())) }

func TestContractBFloat16(t *testing.T) { devicetest.RunBFloat16(t, ref.New(ref.BFloat16())) }
