/** Resolves when `condition` holds; asks again and again, for at most `seconds`. */
export async function until(condition: () => boolean | Promise<boolean>, seconds = 50): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`still not so after ${seconds} seconds: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The value once it has stayed the same for a tenth of a second. */
export async function stable(read: () => Promise<number>): Promise<number> {
  let value = await read();
  let unchanged = 0;
  await until(async () => {
    const next = await read();
    unchanged = next === value ? unchanged + 1 : 0;
    value = next;
    return unchanged >= 10;
  });
  return value;
}

/** Something that others wait for until it is let happen. */
export function gate(): { readonly opened: Promise<unknown>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { opened: promise, open: () => resolve(undefined) };
}
