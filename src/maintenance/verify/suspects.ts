import type { Digest } from '../../oci/digest.ts';

/** Content of which a pull in this process has found the bytes missing or wrong: it is verified soon, not only in its turn. */
export interface Suspects {
  report(digest: Digest): void;
  /** Returns the reported content, and forgets it. */
  take(): readonly Digest[];
}

/** More are not remembered: every further pull reports its content again. */
const maxSuspects = 1000;

export function createSuspects(): Suspects {
  const reported = new Set<Digest>();
  return {
    report(digest) {
      if (reported.size < maxSuspects) reported.add(digest);
    },
    take() {
      const taken = [...reported];
      reported.clear();
      return taken;
    },
  };
}
