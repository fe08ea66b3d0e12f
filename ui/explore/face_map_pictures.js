// The thumbnails of the map, decoded sheet by sheet when they are wanted: part of face_map.js.

const MOST_SHEETS = 48; // decoded ones that are kept, about 2 MB each

class Thumbnails {
  constructor({ id, side, columns, ends }, bytes) {
    Object.assign(this, { id, side, columns, ends, bytes });
    this.decoded = new Map(); // a sheet's number to its picture; null while it is being decoded
  }

  // Draw one face, or ask for its sheet and answer false.
  draw(context, index, x, y, side) {
    const sheet = Math.floor(index / this.columns ** 2), place = index % this.columns ** 2;
    const picture = this.decoded.get(sheet);
    if (picture === undefined) this.decode(sheet);
    if (!picture) return false;
    this.decoded.delete(sheet); // put back as the one used last
    this.decoded.set(sheet, picture);
    const left = (place % this.columns) * this.side, top = Math.floor(place / this.columns) * this.side;
    context.drawImage(picture, left, top, this.side, this.side, x, y, side, side);
    return true;
  }

  async decode(sheet) {
    this.decoded.set(sheet, null);
    const file = this.bytes.subarray(sheet ? this.ends[sheet - 1] : 0, this.ends[sheet]);
    this.decoded.set(sheet, await createImageBitmap(new Blob([file], { type: "image/jpeg" })));
    const oldest = [...this.decoded].filter(([, picture]) => picture).slice(0, -MOST_SHEETS);
    for (const [number, picture] of oldest) {
      picture.close();
      this.decoded.delete(number);
    }
    globalThis.dispatchEvent(new Event("fer-thumbnails"));
  }
}
