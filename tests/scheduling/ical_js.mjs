// Reads calendar files as an independent program does (ical.js): one JSON string a line in, one JSON object a line out.
import { createInterface } from "node:readline";
import ICAL from "../node_modules/ical.js/dist/ical.js";

const instant = (time) => time && (time.zone === ICAL.Timezone.utcTimezone ? time.toJSDate().toISOString() : `floating ${time}`);
const text = (component, name) => component.getFirstPropertyValue(name);

function person(property) {
  if (!property) return null;
  const told = { address: property.getFirstValue() };
  for (const name of ["cn", "role", "partstat", "rsvp", "cutype"]) told[name] = property.getParameter(name) ?? null;
  return told;
}

function event(component) {
  const told = {};
  for (const name of ["uid", "sequence", "status", "transp", "class", "summary", "description", "location", "x-microsoft-cdo-busystatus", "x-microsoft-disallow-counter"]) told[name] = text(component, name);
  for (const name of ["dtstart", "dtend", "dtstamp", "created", "last-modified"]) told[name] = instant(text(component, name));
  told.organizer = person(component.getFirstProperty("organizer"));
  told.attendee = person(component.getFirstProperty("attendee"));
  told.attendees = component.getAllProperties("attendee").length;
  told.alarms = component.getAllSubcomponents("valarm").map((alarm) => ({
    action: text(alarm, "action"), trigger: String(text(alarm, "trigger")), description: text(alarm, "description"),
  }));
  told.properties = component.getAllProperties().map((property) => property.name);
  return told;
}

function calendar(file) {
  const component = new ICAL.Component(ICAL.parse(file));
  const told = {};
  for (const name of ["version", "prodid", "method", "calscale", "name", "x-wr-calname"]) told[name] = text(component, name);
  told.refresh = text(component, "refresh-interval") && String(text(component, "refresh-interval"));
  told.events = component.getAllSubcomponents("vevent").map(event);
  told.others = component.getAllSubcomponents().map((one) => one.name).filter((name) => name !== "vevent");
  return told;
}

for await (const line of createInterface({ input: process.stdin })) {
  let told;
  try { told = calendar(JSON.parse(line)); } catch (error) { told = { error: String(error) }; }
  process.stdout.write(JSON.stringify(told) + "\n");
}
