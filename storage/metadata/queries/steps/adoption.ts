import { type Query, first } from './query.ts';

/** True while another registry may still run on the store that is being adopted: then no bytes may be deleted. */
export function* isAdopting(): Query<boolean> {
  return (yield* first('SELECT 1 FROM adoption WHERE id = 1 AND finished_at IS NULL')) !== undefined;
}
