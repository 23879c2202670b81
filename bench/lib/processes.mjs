// CPU and memory of the processes that a run keeps busy, read from /proc, and helpers to start and stop processes.
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { profileFlags } from './profiling.mjs';

/** Clock ticks per second of /proc; 100 on every Linux that Node runs on. */
const TICKS = 100;

function stat(pid) {
  const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
  return {
    pid,
    name,
    parent: Number(fields[1]),
    own: (Number(fields[11]) + Number(fields[12])) / TICKS,
    reaped: (Number(fields[13]) + Number(fields[14])) / TICKS,
  };
}
function everyProcess() {
  const found = [];
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      found.push(stat(Number(name)));
    } catch {
      // It has ended in the meantime.
    }
  }
  return found;
}

/** CPU seconds so far: of the database (postmaster and all its children), the broker, and the processes named (one pid or several). */
export function cpuSeconds({ postmaster, broker, ...others }) {
  const processes = everyProcess();
  const of = (pid) => processes.find((each) => each.pid === pid)?.own ?? 0;
  const parent = processes.find((each) => each.pid === postmaster);
  const children = processes.filter((each) => each.parent === postmaster);
  return {
    postgres: (parent ? parent.own + parent.reaped : 0) + children.reduce((sum, each) => sum + each.own, 0),
    broker: of(broker),
    ...Object.fromEntries(Object.entries(others).map(([name, pids]) => [name, [pids].flat().reduce((sum, pid) => sum + of(pid), 0)])),
  };
}
export function difference(before, after) {
  return Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - (before[name] ?? 0)]));
}

/** CPU seconds of the whole machine, to see how much of it others took. */
export function machineBusySeconds() {
  const fields = fs.readFileSync('/proc/stat', 'latin1').split('\n')[0].trim().split(/\s+/).slice(1).map(Number);
  return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / TICKS;
}

/** Resident megabytes; 0 when it has ended. */
export function residentMb(pid) {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

/** Peak resident megabytes of the processes named, sampled until `stop`. */
export function samplePeakMemory(pids, everyMs = 250) {
  const peak = {};
  const sample = () => {
    for (const [name, several] of Object.entries(pids)) {
      const megabytes = [several].flat().map(residentMb);
      // Of several processes, the largest: each has a limit of its own.
      if (megabytes.length > 0) peak[name] = Math.max(peak[name] ?? 0, ...megabytes);
    }
  };
  sample();
  const timer = setInterval(sample, everyMs);
  return () => {
    clearInterval(timer);
    sample();
    return peak;
  };
}

/** The process that listens on a local TCP port, if it is on this machine and may be seen. */
export function listenerOn(port) {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    if (!fs.existsSync(table)) continue;
    for (const line of fs.readFileSync(table, 'latin1').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === '0A' && fields[1]?.endsWith(`:${hex}`)) inodes.add(fields[9]);
    }
  }
  for (const { pid, name } of everyProcess()) {
    if (name.startsWith('node')) continue;
    try {
      for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
        const inode = /^socket:\[(\d+)\]$/.exec(fs.readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        if (inode && inodes.has(inode)) return pid;
      }
    } catch {
      // Not ours to see.
    }
  }
  return undefined;
}
export function parentOf(pid) {
  try {
    return stat(pid).parent;
  } catch {
    return undefined;
  }
}

/** What the `backstep` command runs Node with; every system of the bench gets it, those of the peers' runner have Node's own. */
export const NODE_FLAGS = ['--max-semi-space-size=16', '--heap-growing-percent=150'];

const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Starts a Node process and waits until it prints READY; `said` is what it printed. It can be talked to by `ask`. */
export function startNode(file, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...NODE_FLAGS, ...profileFlags(path.basename(file, '.mjs')), file, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    children.add(child);
    let printed = '';
    const late = setTimeout(() => child.kill('SIGKILL'), 60_000);
    child.stdout.on('data', (chunk) => {
      printed += String(chunk);
      if (!printed.includes('READY')) return;
      clearTimeout(late);
      child.stdout.removeAllListeners('data').resume();
      resolve(Object.assign(child, { said: printed }));
    });
    child.on('exit', (code) => {
      children.delete(child);
      clearTimeout(late);
      reject(new Error(`${file} ended with ${code} before it was ready: ${printed.slice(-500)}`));
    });
  });
}
export function stopProcess(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    child.on('exit', () => {
      clearTimeout(late);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
/** What a child answers to a question; children of the bench answer every message once. */
export function ask(child, question) {
  return new Promise((resolve, reject) => {
    const ended = (code) => reject(new Error(`the process ended with ${code} instead of answering`));
    child.once('exit', ended);
    child.once('message', (answer) => {
      child.off('exit', ended);
      resolve(answer);
    });
    child.send(question);
  });
}

/** Waits until the machine has had a quiet second, for so long at most: what others do is in every figure otherwise. */
export async function waitQuiet(seconds, cores = 0.15) {
  const until = performance.now() + seconds * 1_000;
  while (performance.now() < until) {
    const before = machineBusySeconds();
    const since = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    if ((machineBusySeconds() - before) / ((performance.now() - since) / 1_000) < cores) return;
  }
}
