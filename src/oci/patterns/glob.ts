/** More alternatives than people write; they are compared one after the other. */
const maxAlternatives = 256;

/**
 * Parses a glob of tags: `*` stands for any characters, `?` for one, `{a,b}` for either; braces may contain both and further
 * braces. Undefined where braces are not closed, where other characters than those of a tag are used, or for more than 256
 * alternatives. Comparing takes at most length × length steps per alternative.
 */
export function parseGlob(text: string): ((tag: string) => boolean) | undefined {
  if (text === '' || !/^[\w.*?{},-]+$/.test(text)) return undefined;
  const alternatives = expand(text);
  if (!alternatives?.every((alternative) => !/[{},]/.test(alternative) && alternative !== '')) return undefined;
  return (tag) => alternatives.some((alternative) => matchesWildcards(alternative, tag));
}

/** Returns the texts without braces; undefined for braces that are not closed and for too many texts. */
function expand(text: string): readonly string[] | undefined {
  const open = text.indexOf('{');
  if (open < 0) return [text];
  const choices = choicesAt(text, open);
  if (!choices) return undefined;
  const found: string[] = [];
  for (const choice of choices.items) {
    const expanded = expand(text.slice(0, open) + choice + text.slice(choices.end));
    if (!expanded || found.length + expanded.length > maxAlternatives) return undefined;
    found.push(...expanded);
  }
  return found;
}

/** Splits the braces that open at `open`; `end` is the place after them. */
function choicesAt(text: string, open: number): { readonly items: readonly string[]; readonly end: number } | undefined {
  const items: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let at = open; at < text.length; at++) {
    const character = text[at];
    if (character === '{') depth++;
    if (character === '}') depth--;
    if (depth === 0 || (depth === 1 && character === ',')) {
      items.push(text.slice(start, at));
      start = at + 1;
    }
    if (depth === 0) return { items, end: at + 1 };
  }
  return undefined;
}

/** Goes back only to the last `*`: that is enough, as an earlier one can take no less. */
function matchesWildcards(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let taken = 0;
  for (let place = 0; place < text.length;) {
    if (pattern[at] === '*') {
      star = at++;
      taken = place;
    } else if (pattern[at] === '?' || pattern[at] === text[place]) {
      at++;
      place++;
    } else if (star >= 0) {
      at = star + 1;
      place = ++taken;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
