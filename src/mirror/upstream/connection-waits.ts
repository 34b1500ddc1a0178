/** Tells when downloads wait for a connection, so that an operator can allow more of them. */
export interface ConnectionWaits {
  /** A download got its connection, or gave up, after so many milliseconds. */
  note(upstream: string, milliseconds: number): void;
}

/** The downloads of one upstream that waited too long since it was last told. */
export interface SlowWaits {
  readonly upstream: string;
  readonly downloads: number;
  readonly longestSeconds: number;
}

export interface ConnectionWaitsOptions {
  readonly now: () => number;
  /** Each wait, for metrics. */
  readonly onWaited: (upstream: string, seconds: number) => void;
  /** Downloads that waited for more than a second: called at most every ten seconds for each upstream. */
  readonly onSlow: (waits: SlowWaits) => void;
}

const slowMilliseconds = 1000;
const pauseMilliseconds = 10_000;

export function createConnectionWaits({ now, onWaited, onSlow }: ConnectionWaitsOptions): ConnectionWaits {
  const untold = new Map<string, { downloads: number; longest: number; quietUntil: number }>();

  return {
    note(upstream, milliseconds) {
      onWaited(upstream, milliseconds / 1000);
      if (milliseconds < slowMilliseconds) return;
      const waits = untold.get(upstream) ?? { downloads: 0, longest: 0, quietUntil: 0 };
      untold.set(upstream, waits);
      waits.downloads++;
      waits.longest = Math.max(waits.longest, milliseconds);
      if (now() < waits.quietUntil) return;
      onSlow({ upstream, downloads: waits.downloads, longestSeconds: Math.round(waits.longest) / 1000 });
      untold.set(upstream, { downloads: 0, longest: 0, quietUntil: now() + pauseMilliseconds });
    },
  };
}
