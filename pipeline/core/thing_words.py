"""English words for the things that the local captioner knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

_WORDS: Mapping[str, frozenset[str]] = {
    thing: frozenset(words.split())
    for thing, words in {
        "person": "man woman people men women child children boy girl kid baby toddler adult guy "
        "lady player rider worker someone figure crowd couple family bride groom chef nurse "
        "hiker tourist visitor passenger pedestrian soldier student teacher vendor musician runner "
        "skier surfer cyclist skater actor human he she they 1girl 1boy 2girls 2boys hand face "
        "portrait",
        "bicycle": "bike cycle cyclist tandem",
        "car": "vehicle automobile taxi cab van suv sedan hatchback coupe jeep limousine traffic",
        "motorcycle": "motorbike scooter moped vespa bike vehicle",
        "airplane": "plane aeroplane aircraft jet airliner",
        "bus": "coach vehicle minibus",
        "train": "locomotive tram railway subway metro carriage",
        "truck": "lorry vehicle pickup van",
        "boat": "ship sailboat vessel yacht canoe kayak ferry dinghy rowboat",
        "traffic light": "light signal stoplight",
        "fire hydrant": "hydrant",
        "stop sign": "sign",
        "parking meter": "meter",
        "bench": "seat pew",
        "bird": "gull seagull pigeon duck goose swan heron owl eagle parrot hen chicken rooster "
        "sparrow robin crow penguin flamingo peacock turkey hawk",
        "cat": "kitten tabby feline kitty",
        "dog": "puppy retriever terrier hound labrador poodle dachshund shepherd collie husky",
        "horse": "pony foal stallion mare mule donkey",
        "sheep": "lamb ram ewe flock",
        "cow": "cattle calf bull ox herd",
        "elephant": "calf herd",
        "bear": "cub grizzly panda",
        "giraffe": "calf herd",
        "backpack": "rucksack bag pack",
        "umbrella": "parasol",
        "handbag": "bag purse",
        "tie": "necktie suit",
        "suitcase": "luggage bag baggage trunk",
        "frisbee": "disc disk",
        "skis": "ski skier skiing",
        "snowboard": "snowboarder board",
        "sports ball": "ball football basketball baseball volleyball soccer",
        "baseball bat": "bat",
        "baseball glove": "glove mitt",
        "skateboard": "skateboarder skater board",
        "surfboard": "surfer board surfing",
        "tennis racket": "racket racquet tennis",
        "bottle": "flask jar vial",
        "wine glass": "glass goblet wine",
        "cup": "mug glass coffee tea beaker",
        "fork": "cutlery silverware utensil",
        "knife": "cutlery silverware utensil blade knives",
        "spoon": "cutlery silverware utensil ladle",
        "bowl": "dish",
        "sandwich": "burger hamburger toast panini sub",
        "orange": "fruit citrus mandarin tangerine",
        "apple": "fruit",
        "banana": "fruit",
        "broccoli": "vegetable",
        "carrot": "vegetable",
        "hot dog": "hotdog sausage",
        "donut": "doughnut pastry",
        "cake": "dessert pastry gateau cupcake pie",
        "chair": "armchair seat stool",
        "couch": "sofa settee loveseat",
        "potted plant": "plant flower houseplant pot",
        "bed": "mattress bedroom",
        "dining table": "table desk",
        "toilet": "lavatory bathroom",
        "television": "tv screen monitor display",
        "laptop": "computer notebook screen",
        "computer mouse": "mouse",
        "remote control": "remote controller",
        "keyboard": "keys laptop computer",
        "cell phone": "phone smartphone cellphone mobile telephone",
        "oven": "stove cooker range",
        "sink": "basin washbasin",
        "refrigerator": "fridge",
        "book": "novel textbook shelf bookshelf magazine",
        "clock": "watch dial time",
        "vase": "pot jar jug",
        "teddy bear": "teddy bear toy plush",
        "hair dryer": "dryer hairdryer",
        "toothbrush": "brush",
    }.items()
}


def unnamed_things(things: Sequence[str], words: Collection[str]) -> list[str]:
    """Things that a caption of these words (lower case) names in no way."""
    plain = {*words, *(word[:-1] for word in words if word.endswith("s"))}
    plain |= {word[:-2] for word in words if word.endswith("es")}
    return [thing for thing in things if plain.isdisjoint(_names(thing))]


def _names(thing: str) -> set[str]:
    return {*thing.split(), *_WORDS.get(thing, ())}
