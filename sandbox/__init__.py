"""Both ticketing APIs in small, over real HTTP: with data, faults and a log of requests.

For demo, tests and benchmarks; not part of the distribution.

    with Sandbox(seed=1, scale=Scale(orders=1000)) as box:
        box.organizers_url, box.token                    # part B, pretix-shaped
        box.ticketing_url, box.oveit_url, box.email      # part A
        box.faults.add(Fault("/orders/$", status=429, headers={"Retry-After": "2"}, after=3))
        box.organizers.add_order("riverside", "jazz-1")  # changes the data
        box.log[-1].query                                # what was asked

`python -m sandbox` runs it as a process of its own, under remote control: `control.py`.

| Module | Holds |
| --- | --- |
| `box` | the whole: data, faults, latency, rate limit, log |
| `web` | HTTP, requests and answers |
| `faults` | what can go wrong |
| `lists` | the sixty lists: path, order, filters, permission |
| `organizers`, `sales`, `samples` | the data of part B: its switches, what is generated, what files hold |
| `pages` | the protocol of part B |
| `ticketing` | part A |
"""

from sandbox.box import RateLimit, Sandbox, Scale
from sandbox.faults import KINDS, Fault
from sandbox.web import Request, Response

__all__ = ["KINDS", "Fault", "RateLimit", "Request", "Response", "Sandbox", "Scale"]
