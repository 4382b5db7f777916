package record

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// appendFile is a file of whole lines: an append that fails half way is taken back.
type appendFile struct {
	file *os.File
	size int64
	path string
}

func openAppend(path string) (*appendFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("could not open %s: %w", path, err)
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("could not open %s: %w", path, err)
	}
	return &appendFile{file: file, size: info.Size(), path: path}, nil
}

func (f *appendFile) empty() bool { return f.size == 0 }

func (f *appendFile) append(lines []byte) error {
	if _, err := f.file.Write(lines); err != nil {
		_ = f.file.Truncate(f.size) // a device cannot be truncated, and has no half line either
		return fmt.Errorf("could not write %s: %w", f.path, err)
	}
	f.size += int64(len(lines))
	return nil
}

// close flushes to the disk first: a full one may only say so then.
func (f *appendFile) close() error {
	err := f.file.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // not a file that can be flushed
	}
	if err = errors.Join(err, f.file.Close()); err != nil {
		return fmt.Errorf("could not write %s: %w", f.path, err)
	}
	return nil
}
