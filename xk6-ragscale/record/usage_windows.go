package record

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

var getProcessMemoryInfo = windows.NewLazySystemDLL("psapi.dll").NewProc("GetProcessMemoryInfo")

// processMemoryCounters is PROCESS_MEMORY_COUNTERS of psapi.h.
type processMemoryCounters struct {
	size                                     uint32
	pageFaultCount                           uint32
	peakWorkingSetSize, workingSetSize       uintptr
	quotaPeakPagedPool, quotaPagedPool       uintptr
	quotaPeakNonPagedPool, quotaNonPagedPool uintptr
	pagefileUsage, peakPagefileUsage         uintptr
}

// processUsage is the CPU time of this process since it started, in seconds, and its working set in bytes.
func processUsage() (cpuSeconds float64, rssBytes int64) {
	process := windows.CurrentProcess()
	var created, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(process, &created, &exited, &kernel, &user); err == nil {
		ticks := uint64(kernel.HighDateTime)<<32 + uint64(kernel.LowDateTime) + uint64(user.HighDateTime)<<32 + uint64(user.LowDateTime)
		cpuSeconds = float64(ticks) / 1e7
	}
	counters := processMemoryCounters{}
	counters.size = uint32(unsafe.Sizeof(counters))
	if ok, _, _ := getProcessMemoryInfo.Call(uintptr(process), uintptr(unsafe.Pointer(&counters)), uintptr(counters.size)); ok != 0 {
		rssBytes = int64(counters.workingSetSize)
	}
	return cpuSeconds, rssBytes
}
