package parallel

import (
	"os"
	"strconv"
)

// Launched is what a launcher, mpirun or srun, says of this process in its environment.
type Launched uint8

const (
	LaunchedRank      Launched = iota
	LaunchedSize               // how many processes there are
	LaunchedLocalRank          // number of this one among those on its machine, from 0
	LaunchedLocalSize          // how many there are on its machine
)

// launchers name what they say. Slurm's words come last: it says them of the shell, too, from which mpirun was called.
var launchers = map[Launched][]string{
	LaunchedRank:      {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"},
	LaunchedSize:      {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"},
	LaunchedLocalRank: {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "MV2_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"},
	LaunchedLocalSize: {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"},
}

// Says gives the number, and 0 and the empty name if no launcher says it; by is the variable that has it.
func (l Launched) Says() (n int, by string) {
	for _, name := range launchers[l] {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n >= 0 {
			return n, name
		}
	}
	return 0, ""
}
