package device

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// NCCL is the environment variable that says how GPUs of several processes sum gradients: off, through the hosts; must, by
// NCCL or not at all; else by NCCL if all have it. That of rank 0 counts.
const NCCL = "UNROLL_NCCL"

// World makes Open one for several processes that train together: each must call it. A process takes the GPU with its
// number among those of its machine, counted around where there are fewer, of those that CUDA_VISIBLE_DEVICES leaves; and
// GPUs sum gradients among themselves where NCCL lets them.
func World(c parallel.Communicator) Option { return func(o *options) { o.world = c } }

// WorldError says why GPUs cannot sum gradients among themselves, though they must.
type WorldError struct{ Why string }

func (e *WorldError) Error() string { return NCCL + "=must, and " + e.Why }

// CollectiveError is what NCCL says.
type CollectiveError = driver.CollectiveError

// joint says whether other processes open devices, too.
func (o *options) joint() bool { return o.world != nil && o.world.Size() > 1 }

// open gets the GPU of this process ready.
func (o *options) open() (driver.GPU, error) {
	if !o.joint() || o.driver.Count == nil {
		return o.driver.Open(0)
	}
	n, err := o.driver.Count()
	if err != nil {
		return nil, err
	}
	local, _ := parallel.LaunchedLocalRank.Says()
	return o.driver.Open(local % max(n, 1))
}

// offer is what the others must know of a process before GPUs join.
type offer struct {
	Wish    string // UNROLL_NCCL
	GPU     string // its name; "": it computes on something else
	UUID    string
	Host    string
	Version string // of NCCL
	None    string // why there is no NCCL; "": there is
}

// join makes a GPU, nil for none, one of those that sum gradients among themselves, if all processes can.
func (o *options) join(gpu driver.GPU) (joined []cuda.Option, err error) {
	if !o.joint() {
		return nil, nil
	}
	parallel.Enter(o.world, "the comparison of GPUs", false)
	mine := offer{Wish: os.Getenv(NCCL)}
	if mine.Wish != "" && mine.Wish != "off" && mine.Wish != "must" {
		return nil, &setting.Error{Setting: NCCL, Value: mine.Wish, Want: "off, must, or not set"}
	}
	mine.Host, _ = os.Hostname()
	if gpu != nil {
		mine.GPU, mine.UUID = gpu.Info().Name, gpu.Info().UUID
		v, err := gpu.Collectives()
		if mine.Version = v.String(); err != nil {
			mine.None = err.Error()
		}
	}
	offers, err := gather(o.world, mine)
	if err != nil {
		return nil, err
	}
	first := o.world.Rank() == 0
	switch why := apart(offers); {
	case offers[0].Wish == "off":
		return nil, nil
	case why != "" && offers[0].Wish == "must":
		return nil, &WorldError{why}
	case why != "":
		if first && slices.ContainsFunc(offers, func(o offer) bool { return o.GPU != "" }) {
			o.tell(why + "; gradients are summed through the hosts")
		}
		return nil, nil
	}
	c, err := o.meet(gpu)
	if err != nil {
		return nil, errors.WithMessagef(err, "with %s=off gradients are summed through the hosts", NCCL)
	}
	if first {
		o.tell(fmt.Sprintf("gradients are summed by NCCL %s, on the GPUs", mine.Version))
	}
	return []cuda.Option{cuda.Sums(c, func() func() { return parallel.Guarded(o.world, c.Failed) })}, nil
}

// gather are the offers of all processes.
func gather(world parallel.Communicator, mine offer) ([]offer, error) {
	data, err := json.Marshal(mine)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	all, err := world.Gather(data)
	offers := make([]offer, len(all))
	for rank := range all {
		if err == nil {
			err = errors.WithStack(json.Unmarshal(all[rank], &offers[rank]))
		}
	}
	return offers, err
}

// apart says why GPUs cannot join; "" if they can.
func apart(offers []offer) string {
	for rank, o := range offers {
		switch {
		case o.GPU == "":
			return fmt.Sprintf("rank %d computes without a GPU", rank)
		case o.None != "":
			return fmt.Sprintf("rank %d: %s", rank, o.None)
		}
		for other, p := range offers[:rank] {
			if o.UUID != "" && o.UUID == p.UUID {
				return fmt.Sprintf("ranks %d and %d have one GPU, %s of %s (%s): give each process a GPU of its own", other, rank,
					o.GPU, o.Host, o.UUID)
			}
		}
	}
	return ""
}

// meet joins the GPUs.
func (o *options) meet(gpu driver.GPU) (c driver.Collective, err error) {
	parallel.Enter(o.world, "the joining of GPUs", false)
	var id []byte
	if o.world.Rank() == 0 {
		id, err = gpu.NewCollective()
	}
	all, failed := o.world.Bcast(id)
	switch {
	case err != nil:
		return nil, err
	case failed != nil:
		return nil, failed
	case len(all) == 0:
		return nil, &parallel.AbortedError{Rank: 0, Err: errors.New("NCCL does not start there")}
	}
	defer parallel.Guarded(o.world, nil)()
	return gpu.Join(all, o.world.Rank(), o.world.Size())
}
