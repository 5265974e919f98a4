package ptx

// Where kernels may begin early, one begins before the kernel that was launched before it has ended (programmatic
// dependent launch, on GPUs from sm_90 on): it works out its addresses meanwhile, reads what has long been
// written, and then waits for that one's end. So it touches global memory only after it has waited, but for what
// Early reads.
//
// It lets the next one begin when it has waited, not before: what kernels further back have written is there then,
// and what may be missing before a wait is of one kernel alone.

// Early lets the kernels of a module begin early. They are for GPUs from sm_90 on then.
func (m *Module) Early() { m.early = true }

// Early runs read, which reads global memory that the kernel launched just before this one does not write.
func (b *Builder) Early(read func()) {
	before := b.waited
	b.waited = true
	read()
	b.waited = before
}

// wait is called before whatever needs the kernel before this one to have ended, and before branches, so that all
// threads come to the instruction.
func (b *Builder) wait() {
	if !b.module.early || b.waited {
		return
	}
	b.waited = true
	b.needs(90)
	b.emit("griddepcontrol.wait")
	b.emit("griddepcontrol.launch_dependents")
}
