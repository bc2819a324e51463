// A worker for pages that are opened as files, where browsers allow no workers: search needs one.
// The script runs in a hidden frame of the page instead, with the same messages to and fro.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inside.importScripts = (...urls) => urls.reduce(
        (before, each) => before.then(() => load(inside.document, each)), Promise.resolve());
      load(inside.document, url).then(() => {
        const waiting = this.waiting;
        this.waiting = null;
        for (const data of waiting) this.postMessage(data);
      });

      function load(target, each) {
        return new Promise((resolve, reject) => {
          const script = target.createElement("script");
          script.src = new URL(each, location.href);
          script.onload = resolve;
          script.onerror = reject;
          target.body.append(script);
        });
      }
      this.inside = inside;
    }

    postMessage(data) {
      if (this.waiting) this.waiting.push(data);
      else this.inside.dispatchEvent(new MessageEvent("message", { data }));
    }

    terminate() {
      this.inside.frameElement.remove();
    }
  };
}
