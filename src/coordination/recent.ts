import { maxClockDifference } from '../../storage/metadata/queries/operation/rate-windows.ts';

/**
 * True if `at` lies less than `milliseconds` before `time`. False if it lies after `time` by more than clocks of replicas may
 * differ: the clock was set back since, and what began at `at` would not end before the clock shows that time again.
 */
export function isRecent(at: number, milliseconds: number, time: number): boolean {
  return time - at < milliseconds && at - time <= maxClockDifference;
}

/** True if `end` is ahead, and not more than `longest` ms ahead: see `isRecent`. */
export function isBefore(end: number, longest: number, time: number): boolean {
  return isRecent(end - longest, longest, time);
}
