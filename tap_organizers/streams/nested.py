"""Objects that stand inside the rows of more than one stream."""

from __future__ import annotations

from rest_tap.schema import Array, Boolean, DateTime, Integer, Json, String, fields

CHECKIN = fields(
    id=Integer("Identifier, assigned by the server."),
    datetime=DateTime("Time of the scan."),
    list=Integer("Check-in list."),
    auto_checked_in=Boolean("Whether the check-in was made automatically."),
    gate=Integer("Gate (an id no endpoint resolves)."),
    device=Integer("Internal id of the device, not used anywhere else in the API."),
    device_id=Integer("device_id of the device inside the organizer."),
    type=String("entry or exit."),
)

PRINT_LOG = fields(
    id=Integer("Identifier, assigned by the server."),
    successful=Boolean("Whether it succeeded."),
    datetime=DateTime("Time of printing."),
    source=String("App that printed."),
    type=String("badge, ticket, certificate or other."),
    device_id=Integer("device_id of the device inside the organizer."),
    info=Json("Free structure written by the client or provider.", personal=True),
)

DOWNLOAD = fields(
    output=String("Identifier of the ticket output, e.g. pdf."),
    url=String("API URL that returns the file (needs the token; 409 while the file is being rendered)."),
)

ANSWER = fields(
    question=Integer("Question."),
    answer=String(
        "Answer as text; the address of a file for file questions; True/False for yes-no questions.", personal=True
    ),
    question_identifier=String("Identifier of the question."),
    options=Array(Integer, "Ids of the chosen options.", personal=True),
    option_identifiers=Array(String, "Identifiers of the chosen options.", personal=True),
)

SEAT = fields(
    id=Integer("Identifier, assigned by the server."),
    name=String("Full name of the seat."),
    seat_guid=String("Identifier of the seat inside the plan."),
    zone_name=String("Zone."),
    row_name=String("Row."),
    row_label=String("Extra label of the row."),
    seat_label=String("Extra label of the seat."),
    seat_number=String("Number of the seat in the row."),
)
