"""What robots say, by kind and language."""

from collections.abc import Mapping
from typing import Final

from robot_ops.missions.ports import AnnouncementKind

_ENGLISH: Final[Mapping[AnnouncementKind, str]] = {
    AnnouncementKind.IDLE: "",
    AnnouncementKind.ON_THE_WAY: "On my way to {place}",
    AnnouncementKind.GREETING: "Hello! I will take you to {place}",
    AnnouncementKind.FOLLOW_ME: "Please follow me",
    AnnouncementKind.PLEASE_CATCH_UP: "I am waiting for you. Please catch up",
    AnnouncementKind.ARRIVED: "Here we are: {place}",
    AnnouncementKind.ONWARD: "Another guide will meet you at {place}",
    AnnouncementKind.FAREWELL: "Goodbye!",
    AnnouncementKind.AUTHENTICATE: "Please enter your code for: {document}",
    AnnouncementKind.LOAD: "Please lay in the document, close the lid and press done: {document}",
    AnnouncementKind.UNLOAD: "Please take out the document, close the lid and press done: {document}",
    AnnouncementKind.THANK_YOU: "Thank you",
    AnnouncementKind.SORRY: "Sorry, I have to leave. Please ask the staff for help",
}
_GERMAN: Final[Mapping[AnnouncementKind, str]] = {
    AnnouncementKind.GREETING: "Guten Tag! Ich bringe Sie zu {place}",
    AnnouncementKind.FOLLOW_ME: "Bitte folgen Sie mir",
    AnnouncementKind.PLEASE_CATCH_UP: "Ich warte auf Sie. Bitte kommen Sie nach",
    AnnouncementKind.ARRIVED: "Wir sind da: {place}",
    AnnouncementKind.ONWARD: "Ein anderer Roboter holt Sie hier ab: {place}",
    AnnouncementKind.FAREWELL: "Auf Wiedersehen!",
    AnnouncementKind.SORRY: "Es tut mir leid, ich muss weiter. Bitte wenden Sie sich an das Personal",
}
_SPANISH: Final[Mapping[AnnouncementKind, str]] = {
    AnnouncementKind.GREETING: "¡Hola! Le acompaño a {place}",
    AnnouncementKind.FOLLOW_ME: "Sígame, por favor",
    AnnouncementKind.PLEASE_CATCH_UP: "Le espero. Acérquese, por favor",
    AnnouncementKind.ARRIVED: "Hemos llegado: {place}",
    AnnouncementKind.ONWARD: "Otro guía le espera en {place}",
    AnnouncementKind.FAREWELL: "¡Adiós!",
    AnnouncementKind.SORRY: "Lo siento, tengo que irme. Pida ayuda al personal",
}
_FRENCH: Final[Mapping[AnnouncementKind, str]] = {
    AnnouncementKind.GREETING: "Bonjour ! Je vous accompagne à {place}",
    AnnouncementKind.FOLLOW_ME: "Suivez-moi, s'il vous plaît",
    AnnouncementKind.PLEASE_CATCH_UP: "Je vous attends. Rejoignez-moi, s'il vous plaît",
    AnnouncementKind.ARRIVED: "Nous y sommes : {place}",
    AnnouncementKind.ONWARD: "Un autre guide vous attend à {place}",
    AnnouncementKind.FAREWELL: "Au revoir !",
    AnnouncementKind.SORRY: "Désolé, je dois partir. Adressez-vous au personnel",
}
_CHINESE: Final[Mapping[AnnouncementKind, str]] = {
    AnnouncementKind.GREETING: "您好！我带您去{place}",
    AnnouncementKind.FOLLOW_ME: "请跟我来",
    AnnouncementKind.PLEASE_CATCH_UP: "我在等您，请跟上",
    AnnouncementKind.ARRIVED: "{place}到了",
    AnnouncementKind.ONWARD: "另一位向导会在{place}接您",
    AnnouncementKind.FAREWELL: "再见！",
    AnnouncementKind.SORRY: "抱歉，我必须离开，请向工作人员求助",
}
_BY_LANGUAGE: Final[Mapping[str, Mapping[AnnouncementKind, str]]] = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "es": _SPANISH,
    "fr": _FRENCH,
    "zh": _CHINESE,
}


def announcement_text(kind: AnnouncementKind, language: str, *, place: str = "", document: str = "") -> str:
    """Return the text in the language of a BCP 47 code ("zh-Hans" is "zh"), in English where there is none."""
    texts = _BY_LANGUAGE.get(language.split("-", maxsplit=1)[0].lower(), _ENGLISH)
    return texts.get(kind, _ENGLISH[kind]).format(place=place, document=document)
