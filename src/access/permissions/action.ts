/**
 * Actions in a repository.
 *
 * - `pull`: read manifests, blobs, tags and referrers.
 * - `add`: push, but do not move existing tags.
 * - `push`: push, and move tags. Includes `add`.
 * - `delete`: delete tags, manifests and blobs of the repository.
 * - `admin`: all of them, and manage grants and visibility.
 */
export const actions = ['pull', 'add', 'push', 'delete', 'admin'] as const;

export type Action = (typeof actions)[number];

const implied: Readonly<Record<Action, readonly Action[]>> = {
  pull: ['pull'],
  add: ['add'],
  push: ['push', 'add'],
  delete: ['delete'],
  admin: actions,
};

/** Returns the actions and all that they include. */
export function withImplied(granted: Iterable<Action>): ReadonlySet<Action> {
  return new Set([...granted].flatMap((action) => implied[action]));
}

/** True for actions that write and read nothing. */
export function isPush(action: Action): boolean {
  return action === 'add' || action === 'push';
}

/** Parses `pull,push`. Undefined if there is no action, or an unknown one. */
export function parseActions(text: string): readonly Action[] | undefined {
  const words = text.split(',').map((word) => word.trim());
  const known = actions.filter((action) => words.includes(action));
  return words.every((word) => (actions as readonly string[]).includes(word)) ? known : undefined;
}
