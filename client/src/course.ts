/** A place in a stream: what a client has had. */
export interface Position {
  epoch: string
  seq: number
}

export interface Taken {
  /** A repeat: the same number came before. */
  isRepeat: boolean
  /** Numbers that never came and that the server did not tell of; `to` is null when the numbering began anew. */
  hole: { from: number; to: number | null } | null
}

const NEXT: Taken = { isRepeat: false, hole: null }

/**
 * The numbers of one stream as they come.
 *
 * Each message has the number after the one before, but for three cases that are no loss: a `gap` of the server says where it
 * goes on; a `conflated` price leaves out those before it; and a snapshot is state, which stands outside of the order, unless
 * the stream is taken up again from it.
 */
export class Course {
  #epoch: string | null = null
  #seq: number | null = null
  /** The next snapshot is where the stream goes on; `untold` when what lies before it is lost. */
  #fromSnapshot: 'told' | 'untold' | null = null

  /** To go on from; null when it cannot be told to the server, as of a symbol that came by a wildcard only. */
  get position(): Position | null {
    return this.#epoch === null || this.#seq === null ? null : { epoch: this.#epoch, seq: this.#seq }
  }

  goOnFrom({ epoch, seq }: Position): void {
    this.#epoch = epoch
    this.#seq = seq
    this.#fromSnapshot = null
  }

  /** What was left out before the next snapshot was `told`, or is a loss to tell of. */
  takeUpFromSnapshot(before: 'told' | 'untold'): void {
    if (this.#seq !== null) this.#fromSnapshot = before
  }

  take({ seq, snapshot, conflated }: { seq: number; snapshot?: boolean; conflated?: boolean }): Taken {
    const last = this.#seq
    const resumes = this.#fromSnapshot
    if (snapshot === true && last !== null && resumes === null) return NEXT
    const beganAnew = last !== null && seq < last && resumes === 'untold'
    if (last !== null && seq <= last && !beganAnew) {
      if (snapshot === true) this.#fromSnapshot = null
      return { isRepeat: snapshot !== true, hole: null }
    }
    this.#seq = seq
    if (beganAnew) this.#epoch = null
    this.#fromSnapshot = null
    if (last === null || conflated === true || (snapshot === true && resumes === 'told')) return NEXT
    if (beganAnew) return { isRepeat: false, hole: { from: last + 1, to: null } }
    return seq === last + 1 ? NEXT : { isRepeat: false, hole: { from: last + 1, to: seq - 1 } }
  }
}
