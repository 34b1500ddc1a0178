import { compareKeys } from '../index/entry-key.ts';
import type { Entry } from '../index/entry.ts';

/**
 * Calls `visit` with the entries of both by path; undefined where one has none. Leaves out frames that both have at the same
 * place (the same array). Waits only at the end of a frame.
 */
export async function walkPairs(
  from: AsyncGenerator<readonly Entry[]>,
  to: AsyncGenerator<readonly Entry[]>,
  visit: (from: Entry | undefined, to: Entry | undefined) => void,
): Promise<void> {
  const [one, other] = [createCursor(from), createCursor(to)];
  for (;;) {
    await Promise.all([one.refill(), other.refill()]);
    if (!one.peek() && !other.peek()) return;
    if (one.startsFrame() && other.startsFrame() && one.frame() === other.frame()) {
      one.skipFrame();
      other.skipFrame();
      continue;
    }
    // Neither may be empty while more of its frames follow: the next entry could be in one of them.
    while (!one.needsFrame() && !other.needsFrame()) {
      const [left, right] = [one.peek(), other.peek()];
      if (!left && !right) return;
      const order = !left ? 1 : !right ? -1 : compareKeys(left, right);
      visit(order <= 0 ? left : undefined, order >= 0 ? right : undefined);
      if (order <= 0) one.advance();
      if (order >= 0) other.advance();
    }
  }
}

function createCursor(frames: AsyncGenerator<readonly Entry[]>) {
  let current: readonly Entry[] = [];
  let position = 0;
  let hasMore = true;
  const needsFrame = () => hasMore && position >= current.length;
  return {
    needsFrame,
    async refill() {
      while (needsFrame()) {
        const next = await frames.next();
        hasMore = next.done !== true;
        current = next.done === true ? [] : next.value;
        position = 0;
      }
    },
    frame: () => current,
    startsFrame: () => position === 0,
    skipFrame() {
      position = current.length;
    },
    peek: () => current[position],
    advance() {
      position++;
    },
  };
}
