/** So many of a kind are remembered: the latest, for what is old may be gone. */
const most = 30;

/**
 * What answers have named, so that requests can be about things that exist: each text by its key and by every name on
 * the way to it, in the path of the request and in the answer. `{id}` in `/v1/releases/{id}` is looked for under `id`
 * on the way of which there is a `releases`.
 */
export class Harvest {
  private readonly found = new Map<string, string[]>();

  constructor(private readonly isSpared: (text: string) => boolean) {}

  /** Takes in the answer to a request. */
  add(path: string, answer: unknown): void {
    this.walk(
      answer,
      path.split('/').filter((part) => part !== '' && !part.startsWith('{')),
    );
  }

  /** One of those found; undefined while there is none. */
  pick(before: string, name: string, which: number): string | undefined {
    const all = this.found.get(`${before} ${name}`) ?? [];
    return all[which % Math.max(all.length, 1)];
  }

  private walk(value: unknown, way: readonly string[]): void {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, item] of Object.entries(value)) {
      if (typeof item === 'string') this.keep(item, key, way);
      else this.walk(item, Array.isArray(value) ? way : [...way, key]);
    }
  }

  private keep(text: string, key: string, way: readonly string[]): void {
    if (text === '' || this.isSpared(text)) return;
    for (const before of new Set(way)) {
      const all = this.found.get(`${before} ${key}`) ?? [];
      if (all.includes(text)) continue;
      this.found.set(`${before} ${key}`, [...all, text].slice(-most));
    }
  }
}
