import { type Texts, english } from './english/texts.ts';
import { simplifiedChinese } from './simplified-chinese/texts.ts';

/** The languages of the page by their tags (BCP 47), each with its own name. */
export const languages = {
  en: { name: 'English', texts: english },
  'zh-CN': { name: '简体中文', texts: simplifiedChinese },
} as const satisfies Readonly<Record<string, { readonly name: string; readonly texts: Texts }>>;

export type Language = keyof typeof languages;

export const languageTags = Object.keys(languages) as readonly Language[];

export function isLanguage(text: string | undefined): text is Language {
  return text !== undefined && Object.hasOwn(languages, text);
}

/** Returns the language that a browser prefers (`Accept-Language`, RFC 9110 section 12.5.4); English if it names none of ours. */
export function preferredLanguage(header: string | undefined): Language {
  const ranges = (header ?? '').split(',', 20).map((part) => {
    const [range = '', ...parameters] = part
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/);
    const weight = parameters.map((parameter) => /^q=(.*)$/.exec(parameter)?.[1]).find((found) => found !== undefined);
    return { range, weight: weight === undefined ? 1 : Number(weight) };
  });
  const wanted = ranges.filter(({ weight }) => weight > 0).sort((one, other) => other.weight - one.weight);
  for (const { range } of wanted) {
    if (range === 'en' || range.startsWith('en-')) return 'en';
    // Readers of Traditional Chinese prefer Simplified Chinese to English.
    if (range === 'zh' || range.startsWith('zh-')) return 'zh-CN';
  }
  return 'en';
}
