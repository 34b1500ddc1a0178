import type { Log } from './observability/log.ts';

/** Runs `work` every `seconds`, never twice at once. A failure is logged and the next turn tries again. */
export function every(seconds: number, work: () => Promise<void>, log: Log): { stop(): void } {
  let timer = schedule();
  let stopped = false;

  function schedule(): NodeJS.Timeout {
    return setTimeout(() => void turn(), seconds * 1000).unref();
  }

  async function turn(): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.error({ err: error }, 'scheduled work failed');
    }
    if (!stopped) timer = schedule();
  }

  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
