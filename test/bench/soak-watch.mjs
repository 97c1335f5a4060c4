// What the host of a soak uses, over its time.

const PARTS = 5;

export function watchUsage(host, durationMs) {
  const beganMs = Date.now();
  const peaks = {};
  const parts = Array.from({ length: PARTS }, () => ({}));
  const raise = (into, name, value) => (into[name] = Math.max(into[name] ?? 0, value));
  return {
    peaks,
    /** The peaks of a name in each part of the time. */
    byPart: (name) => parts.map((part) => part[name] ?? 0),
    look: () => {
      const usage = host.usage();
      const { storeKiB, walKiB, historyKiB } = usage;
      const part = parts[Math.min(PARTS - 1, Math.floor(((Date.now() - beganMs) / durationMs) * PARTS))];
      for (const [name, value] of Object.entries(usage)) {
        raise(peaks, name, value);
        raise(part, name, value);
      }
      raise(part, 'diskKiB', storeKiB + walKiB + historyKiB);
    },
  };
}
