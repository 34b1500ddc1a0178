/** Texts that both sorts of the database know: the same keys are in the columns `natural_name`. */

/** Returns the sort key of a name: each number is preceded by how many digits it has, without leading zeros. */
export function naturalKey(name: string): string {
  return name.replaceAll(/[0-9]+/g, (digits) => {
    const value = digits.replace(/^0+/, '');
    return `${String(value.length).padStart(3, '0')}${value}`;
  });
}

/** Returns a text that begins the sort keys of all names that begin with `prefix`: a number at its end may go on. */
export function naturalPrefix(prefix: string): string {
  return naturalKey(prefix.replace(/[0-9]+$/, ''));
}

/** Sorts after every character of a name. */
const afterEveryName = '~';

/** Bounds, both exclusive, of the names that begin with `prefix`, which is not empty. */
export function boundsOf(prefix: string): { readonly after: string; readonly before: string; readonly natural: string } {
  const last = prefix.charCodeAt(prefix.length - 1);
  const after = `${prefix.slice(0, -1)}${String.fromCharCode(last - 1)}${afterEveryName}`;
  return { after, before: `${prefix}${afterEveryName}`, natural: naturalPrefix(prefix) };
}
