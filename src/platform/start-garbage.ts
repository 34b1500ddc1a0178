/** Milliseconds for the first requests: they would wait while garbage is collected. */
const delayMilliseconds = 300;

/** Collects garbage. With `last-resort` V8 also returns the memory that it has free. */
type Collect = (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;

/**
 * Frees the memory that only the start used, once, soon after it: the garbage of loading the program, and the young generation,
 * which has grown with it. V8 by itself frees neither before the old generation reaches `--initial-old-space-size`. Takes some
 * 50 ms of CPU. Does nothing without `--expose-gc`, which is in `bin/node-flags`.
 */
export function freeStartMemory(collect: Collect | undefined = globalThis.gc, delay = delayMilliseconds): void {
  setTimeout(() => collect?.({ type: 'major', flavor: 'last-resort' }), delay).unref();
}
