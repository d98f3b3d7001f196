import {
  type Names,
  type StreamFacts,
  targetDuration,
  type Variant,
  writeMedia,
  writeMultivariant,
} from "./playlist.ts";
import type { SegmentWindow } from "./window.ts";

/** Placeholder for the query while a text is made: no URL or name contains it. */
const MARK = "\u0001";
/** Most texts with a query kept until the playlist changes, and the longest of them, characters. */
const KEPT_MAX = 100;
const KEPT_LENGTH_MAX = 32 * 1024;
const TYPE = "application/vnd.apple.mpegurl";

/** A playlist at one moment. */
interface Text {
  /** The pieces between the queries. */
  readonly pieces: readonly string[];
  /** Without a query. */
  readonly plain: Blob;
  readonly byQuery: Map<string, Blob>;
}

/** Playlists as bytes: made once for each state of the window, and shared by all requests for it. */
export class PlaylistTexts {
  readonly #window: SegmentWindow;
  readonly #variant: Variant;
  readonly #names: Omit<Names, "query">;
  readonly #texts = new Map<string, Text>();
  #version = -1;
  #lifetime = "";

  constructor(window: SegmentWindow, variant: Variant, names: Omit<Names, "query">) {
    this.#window = window;
    this.#variant = variant;
    this.#names = names;
  }

  /**
   * The current media playlist.
   *
   * @param query repeated on every URI, with its `?`; empty without one
   * @param isDelta whether old segments may be left out
   */
  media(query: string, isDelta: boolean): Blob {
    const names = { ...this.#names, query: MARK };
    return this.#get(isDelta ? "delta" : "media", query, () =>
      writeMedia(this.#window, this.#variant, names, isDelta),
    );
  }

  /** The current multivariant playlist. */
  multivariant(query: string, facts: () => StreamFacts): Blob {
    return this.#get("multivariant", query, () =>
      writeMultivariant(facts(), this.#window, this.#variant, MARK),
    );
  }

  /** Cache lifetime of a blocking response, for Cache-Control: a target duration. */
  get lifetime(): string {
    this.#renew();
    return this.#lifetime;
  }

  #renew(): void {
    const { version } = this.#window;
    if (this.#version === version) return;
    this.#version = version;
    this.#texts.clear();
    this.#lifetime = `max-age=${targetDuration(this.#window)}`;
  }

  #get(kind: string, query: string, write: () => string): Blob {
    this.#renew();
    let text = this.#texts.get(kind);
    if (text === undefined) {
      const pieces = write().split(MARK);
      text = { pieces, plain: blob(pieces.join("")), byQuery: new Map() };
      this.#texts.set(kind, text);
    }
    return query === "" ? text.plain : withQuery(text, query);
  }
}

function withQuery({ pieces, byQuery }: Text, query: string): Blob {
  const known = byQuery.get(query);
  if (known !== undefined) return known;
  const made = blob(pieces.join(query));
  if (byQuery.size < KEPT_MAX && made.size <= KEPT_LENGTH_MAX) byQuery.set(query, made);
  return made;
}

function blob(text: string): Blob {
  return new Blob([text], { type: TYPE });
}
