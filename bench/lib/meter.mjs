// What a stretch of work cost: time, CPU of each process, peak memory, and what others on the machine took meanwhile.
import { cpuSeconds, difference, machineBusySeconds, samplePeakMemory } from './processes.mjs';
import { round } from './statistics.mjs';

/** `processes`: pids by name, with `postmaster` and `broker` where they are on this machine; a name may have several pids. */
export function startMeter(processes) {
  const { postmaster: _postmaster, ...resident } = processes;
  const peak = samplePeakMemory(resident);
  const before = cpuSeconds(processes);
  const busyBefore = machineBusySeconds();
  const since = performance.now();
  return {
    stop(sagas) {
      const seconds = (performance.now() - since) / 1_000;
      const cpu = difference(before, cpuSeconds(processes));
      const busy = machineBusySeconds() - busyBefore;
      const total = Object.values(cpu).reduce((sum, each) => sum + each, 0);
      return {
        sagas,
        seconds: round(seconds, 2),
        sagasPerSecond: round(sagas / seconds),
        cpuSecondsPer1000: round((total * 1_000) / sagas, 3),
        cpuByProcess: Object.fromEntries(Object.entries(cpu).map(([name, value]) => [name, round((value * 1_000) / sagas, 3)])),
        peakMemoryMb: peak(),
        othersCores: round(Math.max(0, (busy - total) / seconds), 2),
      };
    },
  };
}
