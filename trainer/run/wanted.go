package run

import "fmt"

// What FolderFor does about a run that is in the folder.
const (
	ResumeAuto  = "auto"  // it goes on, or there is none and one begins
	ResumeNever = "never" // it is in the way
	ResumeMust  = "must"  // there must be one, with a checkpoint
)

// FolderFor opens a folder for a run of a task: OpenFolder of one that is named, which must hold what resume asks for, or
// else NewFolder. A run that is in the way may be overwritten.
func FolderFor(task, dir, resume string, overwrite bool) (*Folder, error) {
	if dir == "" {
		return NewFolder(task)
	}
	f, err := OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	if err := f.allows(resume, overwrite); err != nil {
		f.Abandon()
		return nil, err
	}
	return f, nil
}

func (f *Folder) allows(resume string, overwrite bool) error {
	if resume == ResumeNever && f.Holds() && !overwrite {
		return &OutputError{Dir: f.dir, What: "holds a run, which `overwrite` replaces"}
	}
	if resume != ResumeMust {
		return nil
	}
	names, err := f.Checkpoints()
	if err == nil && len(names) == 0 {
		err = &InputError{What: fmt.Sprintf(
			"%s holds no checkpoint: check `out`; `resume` auto begins a run where there is none", f.dir)}
	}
	return err
}
