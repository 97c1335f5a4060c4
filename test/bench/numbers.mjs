import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

export function perSecond(rate) {
  return `${Math.round(rate).toLocaleString('en')}/s`;
}

/** Memory of a process now, and its peak, in MiB (proc(5)). */
export function memoryOf({ pid }) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024);
  return { nowMiB: mebibytes('VmRSS'), peakMiB: mebibytes('VmHWM') };
}

/** Processor time that a process has taken, in milliseconds (proc(5); a tick is 10 ms on Linux). */
export function processorMsOf({ pid }) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** What it takes here to get one page to the disk, in milliseconds: the least that a commit waits for. */
export function syncMs(dir) {
  const file = join(dir, 'sync');
  const descriptor = openSync(file, 'w');
  const page = Buffer.alloc(4096);
  const times = Array.from({ length: 200 }, () => {
    const beginMs = performance.now();
    writeSync(descriptor, page);
    fdatasyncSync(descriptor);
    return performance.now() - beginMs;
  });
  closeSync(descriptor);
  rmSync(file);
  return median(times);
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
