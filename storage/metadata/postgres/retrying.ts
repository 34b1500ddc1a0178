import { setTimeout as pause } from 'node:timers/promises';
import { ConnectionLost, isConflict } from './errors.ts';

/** A request is worth waiting this long; then its client is told to come back. */
const patienceMilliseconds = 2_000;
const firstPauseMilliseconds = 10;

/** Runs `attempt` again after a conflict or a lost connection, for a moment, ever less often. */
export async function retrying<Result>(attempt: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + patienceMilliseconds;
  for (let longest = firstPauseMilliseconds; ; longest *= 2) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ConnectionLost) && !isConflict(error)) throw error;
      if (performance.now() + longest > deadline) throw error;
      await pause(longest * Math.random());
    }
  }
}
