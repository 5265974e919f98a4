//go:build linux

package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/bench/trial"
)

// cluster is a real Slurm on this machine: munged, slurmctld, and a slurmd for each node, on the loopback interface
// only, with all files in one folder.
type cluster struct {
	dir     string
	daemons []*exec.Cmd
}

// packages are Debian's that have all which is needed; srun --mpi=pmix opens libpmix.so by the name that libpmix-dev has.
var packages = []string{"slurm-wlm", "munge", "openmpi-bin", "libpmix-dev"}

// install gets Slurm if it is not there.
func install() error {
	pmix, _ := filepath.Glob("/usr/lib/*/pmix2/lib/libpmix.so") // an error means a wrong pattern
	missing := len(pmix) == 0
	for _, name := range []string{"slurmctld", "slurmd", "munged", "sbatch", "srun", "mpirun.openmpi"} {
		if _, err := exec.LookPath(name); err != nil {
			missing = true
		}
	}
	if !missing {
		return nil
	}
	fmt.Fprintln(os.Stderr, "slurm: installing", strings.Join(packages, ", "))
	args := append([]string{"install", "-y", "--no-install-recommends"}, packages...)
	for _, args := range [][]string{{"update", "-q"}, args} {
		if out, err := exec.Command("apt-get", args...).CombinedOutput(); err != nil {
			return errors.Wrapf(err, "apt-get %s: %s", strings.Join(args, " "), tail(string(out)))
		}
	}
	return nil
}

// start starts a cluster of so many nodes of two processors each, and waits until all are idle.
func start(dir string, nodes int) (*cluster, error) {
	c := &cluster{dir: dir}
	if err := c.configure(nodes); err != nil {
		return nil, err
	}
	munged := exec.Command("munged", "--force", "--foreground", "--key-file="+c.path("key"), "--socket="+c.path("munge/s"),
		"--pid-file="+c.path("munge/pid"), "--log-file="+c.path("log/munged"), "--seed-file="+c.path("munge/seed"))
	daemons := []*exec.Cmd{munged, exec.Command("slurmctld", "-D", "-c")}
	for i := range nodes {
		node := exec.Command("sh", "-c", fmt.Sprintf("hostname n%d && exec slurmd -D -c -N n%d", i+1, i+1))
		node.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUTS} // a host of its own name
		daemons = append(daemons, node)
	}
	for _, d := range daemons {
		d.Env = c.env()
		if err := d.Start(); err != nil {
			c.stop()
			return nil, errors.Wrap(err, d.Path)
		}
		c.daemons = append(c.daemons, d)
		if d == munged && !trial.Until(10*time.Second, 20*time.Millisecond, func() bool { return trial.Exists(c.path("munge/s")) }) {
			c.stop()
			return nil, errors.New("munged does not start")
		}
	}
	if !trial.Until(time.Minute, 20*time.Millisecond, func() bool {
		out, err := c.run("sinfo", "-N", "-h", "-p", "low", "-o", "%T")
		return err == nil && strings.Count(out, "idle") == nodes
	}) {
		log, _ := os.ReadFile(c.path("log/slurmctld"))
		c.stop()
		return nil, errors.Errorf("the nodes do not come up: %s", tail(string(log)))
	}
	return c, nil
}

func (c *cluster) path(name string) string { return filepath.Join(c.dir, name) }

// env is the environment of Slurm's commands and, with them, of jobs: Open MPI would not talk over the loopback interface
// by itself, and would spin while it waits, which two nodes on one machine have no processors for.
func (c *cluster) env() []string {
	return append(os.Environ(), "SLURM_CONF="+c.path("slurm.conf"), "OMPI_MCA_btl_tcp_if_include=lo",
		"OMPI_MCA_oob_tcp_if_include=lo", "OMPI_MCA_mpi_yield_when_idle=1")
}

// configure writes the key and the configuration.
func (c *cluster) configure(nodes int) error {
	for _, dir := range []string{"munge", "log", "state", "spool", "tmp"} {
		if err := os.MkdirAll(c.path(dir), 0o755); err != nil {
			return errors.WithStack(err)
		}
	}
	ports, err := freePorts(nodes + 1)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return errors.WithStack(err)
	}
	host, _, _ = strings.Cut(host, ".")
	var conf strings.Builder
	fmt.Fprintf(&conf, settings, host, c.dir, ports[0])
	for i := range nodes {
		fmt.Fprintf(&conf, "NodeName=n%[1]d NodeHostname=n%[1]d NodeAddr=127.0.0.1 Port=%[2]d CPUs=2 RealMemory=8000 "+
			"State=UNKNOWN\n", i+1, ports[i+1])
		if err := os.MkdirAll(c.path(fmt.Sprintf("tmp/n%d", i+1)), 0o777); err != nil {
			return errors.WithStack(err)
		}
	}
	conf.WriteString(`PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=20 MaxTime=60 State=UP
PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF MaxTime=60 State=UP
`)
	key := make([]byte, 1024)
	rand.Read(key) // never fails
	if err := os.WriteFile(c.path("key"), key, 0o600); err != nil {
		return errors.WithStack(err)
	}
	return errors.WithStack(os.WriteFile(c.path("slurm.conf"), []byte(conf.String()), 0o644))
}

// settings are those of a cluster without cgroups, systemd and accounting. TmpFS keeps the nodes of one machine
// apart.
const settings = `ClusterName=test
SlurmctldHost=%[1]s(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=%[2]s/munge/s
CredType=cred/munge
SlurmctldPort=%[3]d
StateSaveLocation=%[2]s/state
SlurmdSpoolDir=%[2]s/spool/%%n
TmpFS=%[2]s/tmp/%%n
SlurmctldPidFile=%[2]s/slurmctld.pid
SlurmdPidFile=%[2]s/slurmd-%%n.pid
SlurmctldLogFile=%[2]s/log/slurmctld
SlurmdLogFile=%[2]s/log/slurmd-%%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SwitchType=switch/none
KillWait=10
`

// freePorts are ports that nobody listens on now.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.WithStack(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// stop ends all jobs, and then the daemons, which this process has started.
func (c *cluster) stop() {
	c.run("scancel", "--full", "--partition=low,high")
	trial.Until(15*time.Second, 20*time.Millisecond, func() bool {
		out, err := c.run("squeue", "-h")
		return err != nil || strings.TrimSpace(out) == ""
	})
	for i := len(c.daemons) - 1; i >= 0; i-- {
		c.daemons[i].Process.Signal(syscall.SIGTERM)
		time.AfterFunc(5*time.Second, func() { c.daemons[i].Process.Kill() })
		c.daemons[i].Wait()
	}
}

// run is a command of Slurm's, to its end; its output without the newline at the end.
func (c *cluster) run(name string, args ...string) (string, error) { return c.runIn("", name, args...) }

func (c *cluster) runIn(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, c.env()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), errors.Wrapf(err, "%s %s: %s", name, strings.Join(args, " "), tail(stderr.String()))
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}

// job is what Slurm knows of a job, by name; nil: nothing.
func (c *cluster) job(id string) map[string]string {
	out, err := c.run("scontrol", "-o", "show", "job", id)
	if err != nil {
		return nil
	}
	fields := map[string]string{}
	for _, field := range strings.Fields(out) {
		name, value, _ := strings.Cut(field, "=")
		fields[name] = value
	}
	return fields
}

// state is the JobState of a job.
func (c *cluster) state(id string) string { return c.job(id)["JobState"] }

// over says of a state that nothing comes after it by itself.
func over(state string) bool {
	switch state {
	case "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED":
		return true
	}
	return false
}

func tail(text string) string {
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-600):]
}
